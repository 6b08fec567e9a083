import { describe, expect, test } from 'vitest';
import { MissingInput } from '../../stages/inputs.ts';
import { licenceTexts } from '../../stages/licences.ts';
import { tarball } from '../../stages/package.ts';
import { crossCompilerPackage, systemImagePackage } from '../../stages/products.ts';
import { imageInputs, madeElsewhere, reads, said } from './image-inputs.ts';

const packing = [madeElsewhere('busybox'), madeElsewhere('toybox')];

describe('package', () => {
  const made = tarball(imageInputs, packing, {
    name: 'thing-armv5l',
    description: 'a thing',
    trees: [madeElsewhere('thing')],
    readme: 'read me\n',
    sources: ['musl', 'gcc', 'musl'],
    modes: { tmp: '1777', root: '0700' },
    weight: 1,
  });
  const packed = made.actions.at(-1);
  if (packed === undefined) throw new Error('no action');

  test('takes licence texts by small actions of their own, once for each source', () => {
    expect(made.actions.map(({ name }) => name)).toEqual([
      'licences/gcc',
      'licences/musl',
      'package/thing-armv5l',
    ]);
    expect(reads(packed)).toContain('licences/gcc');
    expect(packed.recipe.inputs.map(({ path }) => path)).toEqual([
      '/licenses/gcc-14.2.0',
      '/licenses/musl-1.2.5',
      '/pack/thing-armv5l',
    ]);
    expect(packed.recipe.inputs.some(({ refs }) => refs.some(({ kind }) => kind === 'source'))).toBe(false);
  });

  test('licence files keep their directories', () => {
    const [gcc] = licenceTexts(imageInputs, ['gcc'], packing);
    expect(gcc && said(gcc.action)).toBe(
      'mkdir -p /out/gcc\ncp /src/COPYING3 /out/COPYING3\ncp /src/gcc/COPYING.LIB /out/gcc/COPYING.LIB',
    );
  });

  test('a source without licence files is refused while planning', () => {
    const lock = {
      ...imageInputs.lock,
      sources: imageInputs.lock.sources.map((entry) => ({ ...entry, licenceFiles: [] })),
    };
    expect(() => licenceTexts({ ...imageInputs, lock }, ['gcc'], packing)).toThrow(
      new MissingInput('sources.lock', 'names no licence files of gcc'),
    );
  });

  test('modes come from the table, in order of path; the README is as given', () => {
    expect(said(packed)).toMatch(/chmod 0700 'root'\nchmod 1777 'tmp'\n/);
    expect(packed.recipe.commands[0]).toEqual({
      kind: 'write',
      path: '/pack/thing-armv5l/README',
      text: 'read me\n',
      mode: 0o644,
    });
  });

  test('delivers the tarball, and the directory where it is asked for', () => {
    expect(made.products.map(({ name, path }) => [name, path])).toEqual([
      ['thing-armv5l.tar.gz', 'thing-armv5l.tar.gz'],
    ]);
    const image = systemImagePackage(imageInputs, packing, madeElsewhere('image'), { withNative: false });
    expect(image.products.map(({ name, path, ref }) => [name, path, ref.output])).toEqual([
      ['system-image-armv5l.tar.gz', 'system-image-armv5l.tar.gz', 'archive'],
      ['system-image-armv5l', '', 'tree'],
    ]);
  });

  test("a compiler's README has the kernel's line and says where it runs", () => {
    const { actions } = crossCompilerPackage(imageInputs, packing, madeElsewhere('cross'));
    const text = actions.map(said).join('\n');
    expect(text).toContain('make ARCH=arm CROSS_COMPILE=/where/you/unpacked/bin/armv5l-linux-musleabi-');
    expect(text).toContain('runs on i686 and builds for armv5l (armv5l-linux-musleabi)');
    expect(actions.at(-1)?.name).toBe('package/cross-compiler-armv5l-i686');
  });

  test('only an image with the native compiler names it and its licences', () => {
    const text = (withNative: boolean) =>
      systemImagePackage(imageInputs, packing, madeElsewhere('image'), { withNative }).actions.map(
        (action) => `${action.name}\n${said(action)}`,
      );
    expect(text(false).join('\n')).not.toContain('toolchain.sqf');
    expect(text(false).join('\n')).not.toContain('licences/binutils');
    expect(text(true).join('\n')).toContain('toolchain.sqf');
    expect(text(true).join('\n')).toContain('licences/binutils');
  });
});
