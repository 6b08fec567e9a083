import { quoteWord } from '../src/core/shell-word.ts';
import type { Action, Command, Product, Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs } from './inputs.ts';
import { licenceTexts } from './licences.ts';
import type { Contribution } from './stage.ts';

/** A file that packaging adds to the trees, or a link. Paths are relative to the directory that the tarball unpacks to. */
export type PackagedFile = { readonly path: string } & (
  { readonly text: string; readonly executable?: boolean } | { readonly link: string }
);

export interface PackageSpec {
  /** Name of the tarball without `.tar.gz`, and of its one top directory. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** United, they are what the package brings; a README or `licenses/` in them is replaced. */
  readonly trees: readonly Ref[];
  /** Text of the README, ended with a newline. */
  readonly readme: string;
  /** What the package has beside the trees, and none of them may hold. */
  readonly files?: readonly PackagedFile[];
  /** Names of the sources whose licence texts go with it. */
  readonly sources: readonly string[];
  /** Octal modes that a tree cannot hold, by path. */
  readonly modes?: Readonly<Record<string, string>>;
  /** Also deliver the directory that the tarball holds. */
  readonly unpacked?: boolean;
  /** Rough CPU seconds: gzip takes about a second for 15 megabytes. */
  readonly weight: number;
}

export interface Package extends Contribution {
  readonly actions: readonly Action[];
  readonly products: readonly Product[];
}

/**
 * A tarball that unpacks to one directory with README and licence texts. Names in code-unit order, everything owned
 * by root, every time that of the lock, and no hard links, since which files are links of each other is in no digest:
 * the same trees give the same bytes.
 *
 * `base` must bring a shell and utilities, toybox (for its tar), and a gzip.
 */
export function tarball(inputs: PlanInputs, base: readonly Ref[], spec: PackageSpec): Package {
  const licences = licenceTexts(inputs, spec.sources, base);
  const top = `/pack/${spec.name}`;
  const file = `${spec.name}.tar.gz`;
  const modes = Object.entries(spec.modes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const action = buildAction(inputs, {
    name: `package/${spec.name}`,
    description: `${file}: ${spec.description}`,
    tools: base,
    inputs: {
      [top]: { writable: spec.trees },
      ...Object.fromEntries(licences.map(({ directory, tree }) => [`/licenses/${directory}`, tree])),
    },
    env: baseEnvironment(inputs),
    commands: [
      write(`${top}/README`, spec.readme),
      ...addFiles(top, spec.files ?? []),
      shell(
        [
          'rm -rf licenses',
          'cp -R /licenses licenses',
          'chmod -R u=rwX,go=rX licenses README',
          ...modes.map(([path, mode]) => `chmod ${mode} '${path}'`),
          // A copy of its own for every name.
          'find . -type f -links +1 | while read -r file; do',
          '  cp -p "$file" "$file.single"',
          '  mv "$file.single" "$file"',
          'done',
        ].join('\n'),
        { cwd: top },
      ),
      shell(
        [
          'set -o pipefail',
          `find ${spec.name} | sort >/build/names`,
          'toybox tar -c --no-recursion --owner root:0 --group root:0 \\',
          '  --mtime "@$SOURCE_DATE_EPOCH" -T /build/names \\',
          // Level 9 would take three times as long, alone on its core, to save one per cent.
          `  | gzip -n -6 >'/archive/${file}'`,
        ].join('\n'),
        { cwd: '/pack' },
      ),
    ],
    outputs: { archive: '/archive', ...(spec.unpacked === true ? { tree: top } : {}) },
    weight: spec.weight,
  });
  const products: Product[] = [
    { name: file, ref: output(action, 'archive'), path: file, description: spec.description },
  ];
  if (spec.unpacked === true) {
    products.push({
      name: spec.name,
      ref: output(action, 'tree'),
      path: '',
      description: `${spec.description}, unpacked`,
    });
  }
  return { actions: [...licences.map((texts) => texts.action), action], products };
}

/** Fails where a tree already has one of them. */
function addFiles(top: string, files: readonly PackagedFile[]): readonly Command[] {
  if (files.length === 0) return [];
  return [
    shell(
      `for file in ${files.map(({ path }) => quoteWord(path)).join(' ')}; do
        if [ -e "$file" ] || [ -L "$file" ]; then echo "$file is there already"; exit 1; fi
      done`,
      { cwd: top },
    ),
    ...files.map((file) =>
      'link' in file
        ? run(['ln', '-s', file.link, `${top}/${file.path}`])
        : write(`${top}/${file.path}`, file.text, file.executable === true ? 0o755 : 0o644),
    ),
  ];
}

/** What a stage made, with its packages: their actions and products beside its own. */
export function withPackages<Made extends Contribution>(
  made: Made,
  ...packages: readonly Package[]
): Made & Pick<Package, 'products'> {
  return {
    ...made,
    actions: [...made.actions, ...packages.flatMap(({ actions }) => actions)],
    products: packages.flatMap(({ products }) => products),
  };
}
