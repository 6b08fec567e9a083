import { describe, expect, test } from 'vitest';
import { parseManifest, renderManifest, type Manifest } from '../../src/release/manifest.ts';

const manifest: Manifest = {
  format: 1,
  arch: 'armv5l',
  products: [
    {
      name: 'system-image-armv5l',
      description: 'what boots',
      action: 'package/system-image-armv5l',
      output: 'tree',
      path: '',
      size: 3,
      files: [{ path: 'kernel', sha256: 'ab', size: 3 }],
      links: [{ path: 'newest', target: 'kernel' }],
    },
  ],
  builds: [
    {
      options: {
        ...{ host: 'i686', goal: 'image', withNative: false, kernelConfig: ['CONFIG_A=y'] },
        versions: { set: 'gcc-14', instead: { musl: '1.0' } },
      },
      build: { cpu: 'x86_64', compiler: 'gcc 12' },
      products: ['system-image-armv5l'],
      sources: ['musl 1.0'],
      actions: [{ name: 'kernel-armv5l/linux', planId: 'a', key: 'b' }],
    },
  ],
  sources: [
    {
      name: 'musl',
      version: '1.0',
      licence: 'MIT',
      homepage: 'https://musl.example',
      tree: 'c-1',
      variant: { origin: 'somewhere', tree: 'd-1' },
      origins: [{ kind: 'url', url: 'https://musl.example/musl.tar.gz', sha256: 'e' }],
      patches: [{ path: 'patches/musl/1.2.5/0001-a.patch', digest: 'f-1' }],
    },
  ],
};

/** The manifest with one field, named by its path, that is another. */
function changed(field: string, value: unknown): string {
  const copy = JSON.parse(renderManifest(manifest)) as Record<string, unknown>;
  const names = field.split('.');
  const last = names.pop() ?? '';
  let at: Record<string, unknown> = copy;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return JSON.stringify(copy);
}

describe('a manifest', () => {
  test('is read as it was written', () => {
    expect(parseManifest(renderManifest(manifest))).toEqual(manifest);
  });

  test('may hold what a later version adds', () => {
    expect(parseManifest(changed('products.0.signature', 'x'))).toBeDefined();
  });

  test.each([
    ['format', 2],
    ['arch', 7],
    ['products', {}],
    ['products.0.size', 'large'],
    ['products.0.files', [{ path: 'kernel' }]],
    ['builds.0.options', null],
    ['builds.0.options.versions', { instead: {} }],
    ['builds.0.options.versions', { set: 'gcc-14', instead: { musl: 1 } }],
    ['builds.0.products', ['a', 1]],
    ['builds.0.actions', [{ name: 'a' }]],
    ['sources.0.tree', undefined],
    ['sources.0.origins', [{ url: 1 }]],
  ])('is none where %s is %j', (field, value) => {
    expect(parseManifest(changed(field, value))).toBeUndefined();
  });

  test.each(['', '{', 'null', '[]', '7'])('is undefined if the text is %j', (text) => {
    expect(parseManifest(text)).toBeUndefined();
  });
});
