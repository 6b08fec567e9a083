import path from 'node:path';
import type { EarlierCompiler } from '../repository/select-plan.ts';
import { outDirectory, type Session } from './session.ts';

/** Finds the compiler of the image that an output directory has. `option` is `--out`, as the user wrote it. */
export function earlierCompiler(session: Session, option: string | undefined): EarlierCompiler {
  return async (arch, repository) => {
    // Loaded on demand: most commands ask for no image.
    const { imageBuild } = await import('../release/image-build.ts');
    const directory = outDirectory(session, option, arch, repository);
    const built = await imageBuild(path.join(directory, `system-image-${arch}`));
    // What an external toolchain built says nothing of a compiler of ours.
    return built?.toolchain === undefined ? built?.compiler : undefined;
  };
}
