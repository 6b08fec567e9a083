import { stage as chunk } from './chunk.ts';
import { stage as crossCompiler } from './cross-compiler.ts';
import { stage as hostTools } from './host-tools.ts';
import { stage as kernel } from './kernel.ts';
import { stage as nativeCompiler } from './native-compiler.ts';
import { registerStages } from './registry.ts';
import { stage as rootFilesystem } from './root-filesystem.ts';
import { stage as stage1 } from './stage-1.ts';
import { stage as systemImage } from './system-image.ts';

/** All stages, in the order of the story where none needs another. A new one is a module and a line here. */
export const stages = registerStages([
  hostTools,
  stage1,
  crossCompiler,
  nativeCompiler,
  kernel,
  rootFilesystem,
  systemImage,
  chunk,
]);
