import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Layers, lowest first: a directory may import itself and what its row names. */
const layers = {
  'src/core': [],
  'src/plan': ['src/core'],
  'src/inputs': ['src/core', 'src/plan'],
  'src/store': ['src/core', 'src/plan'],
  'src/sources': ['src/core', 'src/plan', 'src/inputs', 'src/store', 'src/engine'],
  'src/executor': ['src/core', 'src/plan', 'src/store', 'src/engine'],
  'src/engine': ['src/core', 'src/plan', 'src/store', 'src/executor'],
  'src/guest': ['src/core', 'src/inputs', 'src/store', 'src/sources'],
  'src/emulator': ['src/core', 'src/inputs'],
  'src/virtfs': ['src/core', 'src/sources'],
  'src/report': ['src/core'],
  arches: ['src/inputs'],
  stages: ['src/core', 'src/plan', 'src/inputs'],
};
const everywhere = [...Object.keys(layers), 'src/cli'];
const zones = Object.entries(layers).map(([target, allowed]) => ({
  target,
  from: everywhere.filter((other) => other !== target && !allowed.includes(other)),
  message: 'Imports run one way; see docs/architecture.md.',
}));

const pure = ['stages/**/*.ts', 'arches/**/*.ts', 'src/plan/**/*.ts', 'src/inputs/**/*.ts'];

export default tseslint.config(
  { ignores: ['node_modules/', 'out/'] },
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
  { files: ['*.config.ts', '*.config.js'], rules: { 'import-x/no-default-export': 'off' } },
);
