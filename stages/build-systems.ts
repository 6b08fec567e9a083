import type { Arch } from '../src/inputs/arch.ts';
import { cmakeToolchain } from './build-systems/cmake.ts';
import { environmentSetup } from './build-systems/environment.ts';
import { mesonCross } from './build-systems/meson.ts';
import { pkgConfig } from './build-systems/pkg-config.ts';
import { runScript } from './build-systems/run.ts';
import type { PackagedFile } from './package.ts';

/**
 * What the tarball of a cross compiler brings for build systems: cmake, meson, and whatever calls pkg-config or reads variables.
 * Packaging adds it, so that a change here neither rebuilds nor tests a compiler again. Every file finds the compiler from where
 * it lies itself. The programs have a short name too,
 * as all others.
 */
export function buildSystemFiles(target: Arch): readonly PackagedFile[] {
  const programs: Readonly<Record<string, string | undefined>> = {
    'meson-cross': mesonCross(target),
    'pkg-config': pkgConfig(target),
    run: runScript(target),
  };
  return [
    { path: 'toolchain.cmake', text: cmakeToolchain(target) },
    { path: 'environment-setup', text: environmentSetup(target) },
    ...Object.entries(programs).flatMap(([name, text]): readonly PackagedFile[] =>
      text === undefined
        ? []
        : [
            { path: `bin/${target.triple}-${name}`, text, executable: true },
            { path: `bin/${target.name}-${name}`, link: `${target.triple}-${name}` },
          ],
    ),
  ];
}
