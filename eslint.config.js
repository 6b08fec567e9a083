import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { pureRooms, rooms } from './rooms.js';

const everywhere = [...Object.keys(rooms), 'src/cli'];
const zones = Object.entries(rooms).map(([target, allowed]) => ({
  target,
  from: everywhere.filter((other) => other !== target && !allowed.includes(other)),
  message: 'Imports run one way; see docs/architecture.md.',
}));

const pure = pureRooms.map((room) => `${room}/**/*.ts`);

export default tseslint.config(
  { ignores: ['node_modules/', 'out/', '.compiled/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver': { node: { extensions: ['.ts', '.js'] } },
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // Cycles: test/import-graph.test.ts finds those of types too, in a hundredth of the time.
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
    },
  },
  {
    // Only the command line knows of a terminal, arguments and exit codes.
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**', 'src/start/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...['argv', 'exit', 'exitCode', 'stdin', 'stdout', 'stderr'].map((property) => ({
          object: 'process',
          property,
          message: 'Return a value, or take a callback; src/cli prints and ends the process.',
        })),
      ],
    },
  },
  {
    files: pure,
    ignores: ['src/plan/key.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', 'fs', 'path', 'os', 'zx', 'undici'], message: 'Plans are data.' }] },
      ],
      'no-restricted-globals': ['error', 'process', 'Date', 'fetch', 'setTimeout'],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  {
    files: ['src/**/*.ts', 'stages/**/*.ts', 'arches/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "NewExpression[callee.name='URL'] > MetaProperty, NewExpression MemberExpression > MetaProperty, MemberExpression[property.name=/^(dirname|filename|resolve)$/] > MetaProperty",
          message:
            'A compiled module does not lie where it was written; src/core/place.ts says where the repository is.',
        },
      ],
    },
  },
  {
    files: ['src/cli/*-command.ts'],
    rules: { 'max-lines': ['error', 80] },
  },
  { files: ['*.config.ts', '*.config.js'], rules: { 'import-x/no-default-export': 'off' } },
);
