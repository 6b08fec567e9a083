/** Packages that are compiled into the program, because finding their many files takes longer than running them. */
const bundled =
  /^(?:ajv|fast-deep-equal|fast-uri|json-schema-traverse|require-from-string|commander|picocolors|fastest-levenshtein)(?:$|\/)/;

/**
 * Options of every compilation. No tsconfig.json is read: esbuild would use one from any directory above a descriptor,
 * and that one could substitute another module for ours.
 *
 * @returns {import('esbuild').BuildOptions}
 */
function commonOptions() {
  return {
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    logLevel: 'silent',
    tsconfigRaw: '{"compilerOptions":{"target":"ES2022","verbatimModuleSyntax":true}}',
    // CommonJS packages load Node's own modules with `require`.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  };
}

/**
 * For the program: most packages are not bundled.
 *
 * @param {string} repository
 * @returns {import('esbuild').BuildOptions}
 */
export function programOptions(repository) {
  return {
    ...commonOptions(),
    absWorkingDir: repository,
    plugins: [
      {
        name: 'packages',
        setup: (build) => {
          build.onResolve({ filter: /^[^./]/ }, ({ path: name, kind }) =>
            kind === 'entry-point' || bundled.test(name) ? undefined : { path: name, external: true },
          );
        },
      },
    ],
  };
}

/**
 * For a standalone module, a descriptor: packages that the checkout's own modules import are bundled. The module itself
 * is data and imports files only: a package would be searched for in every directory above it.
 *
 * @param {string} directory of the module
 * @param {string} repository
 * @returns {import('esbuild').BuildOptions}
 */
export function moduleOptions(directory, repository) {
  return {
    ...commonOptions(),
    absWorkingDir: directory,
    banner: {},
    plugins: [
      {
        name: 'packages',
        setup: (build) => {
          build.onResolve({ filter: /^[^./]/ }, ({ path: name, kind, importer }) => {
            if (kind === 'entry-point' || importer.startsWith(`${repository}/`)) return undefined;
            if (name.startsWith('node:')) return { path: name, external: true };
            return { errors: [{ text: `imports the package ${name}; a descriptor imports files only` }] };
          });
        },
      },
    ],
  };
}

/**
 * @param {unknown} error
 * @returns {error is import('esbuild').BuildFailure}
 */
export function isBuildFailure(error) {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

/**
 * One line per error: position and message.
 *
 * @param {import('esbuild').BuildFailure} failure whose files are relative to the working directory of the build
 */
export function failureLines({ errors }) {
  return errors
    .map(({ location, text }) =>
      location === null ? `  ${text}` : `  ${location.file}:${location.line}:${location.column + 1}: ${text}`,
    )
    .join('\n');
}
