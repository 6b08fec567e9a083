import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The rooms, lowest first: what each may import of ours beside itself. docs/architecture.md says what they hold. A room that
 * is not named here may not be imported by any that is; types count like everything else.
 */
const foundation = ['src/core', 'src/plan'];
const inputs = [...foundation, 'src/inputs'];
const executor = [...foundation, 'src/store', 'src/executor'];
const build = [
  ...inputs,
  'src/image',
  'src/store',
  'src/sources',
  'src/executor',
  'src/sandbox',
  'src/machine',
  'src/engine',
  'src/repository',
  'src/build',
  'stages',
];
const rooms = {
  'src/core': [],
  'src/plan': ['src/core'],
  'src/inputs': foundation,
  'src/image': inputs,
  'src/report': ['src/core'],
  'src/store': foundation,
  'src/sources': [...inputs, 'src/store'],
  arches: ['src/inputs'],
  stages: [...inputs, 'src/image'],
  'src/executor': [...foundation, 'src/store'],
  'src/sandbox': executor,
  'src/worker': [...executor, 'src/sandbox'],
  'src/machine': [...inputs, 'src/store'],
  'src/engine': executor,
  'src/virtfs': ['src/core', 'src/sources'],
  'src/emulator': ['src/core', 'src/inputs', 'src/image'],
  'src/guest': ['src/core', 'src/inputs', 'src/image'],
  'src/start': [],
  'src/repository': [...inputs, 'src/image', 'src/store', 'src/machine', 'src/start', 'stages', 'arches'],
  'src/build': build,
  'src/release': build,
  'src/porting': [...build, 'src/emulator', 'src/release', 'arches'],
  'src/image-test': [...build, 'src/emulator', 'src/guest', 'src/release'],
  'src/native-build': [...build, 'src/guest', 'src/release'],
};
const everywhere = [...Object.keys(rooms), 'src/cli'];
const zones = Object.entries(rooms).map(([target, allowed]) => ({
  target,
  from: everywhere.filter((other) => other !== target && !allowed.includes(other)),
  message: 'Imports run one way; see docs/architecture.md.',
}));

const pure = ['stages', 'arches', 'src/plan', 'src/inputs', 'src/image'].map((room) => `${room}/**/*.ts`);

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
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
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
  { files: ['*.config.ts', '*.config.js'], rules: { 'import-x/no-default-export': 'off' } },
);
