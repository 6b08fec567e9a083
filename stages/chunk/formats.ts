import type { Arch } from '../../src/inputs/arch.ts';
import type { Action, Product, Ref } from '../../src/plan/action.ts';
import { output, run, shell, write } from '../../src/plan/builder.ts';
import type { ActionName } from '../../src/plan/names.ts';
import { baseEnvironment, buildAction, type PlanInputs } from '../inputs.ts';
import { ext2Uuid } from '../root-images.ts';
import { composedNames } from './compose.ts';
import { ociArches } from './oci-arches.ts';

/** What formats are made of, and by. */
export interface FormatParts {
  /** Name of the file system. */
  readonly title: string;
  /** Name of the action that composed it; those of formats continue it. */
  readonly name: ActionName;
  readonly target: Arch;
  /** The composed system: see `composedNames`. */
  readonly composed: Product['ref'];
  /** Shell and utilities of the build machine. */
  readonly base: readonly Ref[];
  readonly squashfsTools: Ref;
  readonly e2fsprogs: Ref;
}

/** A form in which a system is handed out. */
interface Format {
  /** Name of the file or directory in `/out`, by the system's name. */
  readonly file: (system: string) => string;
  /** Undefined: it is the composed system itself. */
  readonly pack?: (inputs: PlanInputs, parts: FormatParts, file: string) => Action;
}

const formats = {
  tar: { file: (system) => `${system}.tar` },
  squashfs: { file: (system) => `${system}.squashfs`, pack: packSquashfs },
  ext2: { file: (system) => `${system}.ext2`, pack: packExt2 },
  oci: { file: (system) => `${system}.oci`, pack: packOci },
} satisfies Readonly<Record<string, Format>>;

export type SystemFormat = keyof typeof formats;
export const systemFormats = Object.keys(formats) as readonly SystemFormat[];

/** Makes a system in a form: what is done for it, if anything, and the product. */
export function formatSystem(
  inputs: PlanInputs,
  format: SystemFormat,
  parts: FormatParts,
): { readonly actions: readonly Action[]; readonly product: Product } {
  const { file, pack }: Format = formats[format];
  const name = file(parts.title.replace(/[^a-zA-Z0-9._+@-]+/g, '-'));
  const description = `the file system of ${parts.title}`;
  if (pack === undefined) {
    return { actions: [], product: { name, ref: parts.composed, path: composedNames.archive, description } };
  }
  const action = pack(inputs, parts, name);
  return { actions: [action], product: { name, ref: output(action, 'out'), path: name, description } };
}

function packSquashfs(inputs: PlanInputs, parts: FormatParts, file: string): Action {
  const epoch = String(inputs.lock.sourceDateEpoch);
  return buildAction(inputs, {
    name: `${parts.name}.squashfs`,
    description: `${parts.title} as squashfs`,
    tools: [...parts.base, parts.squashfsTools],
    inputs: { '/composed': parts.composed },
    // No SOURCE_DATE_EPOCH: mksquashfs refuses its time options then.
    commands: [
      run(
        [
          'mksquashfs',
          '-',
          `/out/${file}`,
          ...['-tar', '-root-mode', '0755', '-noappend', '-no-progress', '-no-xattrs', '-processors', '1'],
          ...['-mkfs-time', epoch, '-all-time', epoch, '-comp', 'gzip', '-Xcompression-level', '6'],
        ],
        { stdin: `/composed/${composedNames.archive}` },
      ),
    ],
    outputs: { out: '/out' },
    weight: 30,
  });
}

/**
 * mke2fs copies a directory, in which all owners are root's and devices are missing, since nobody else can be had here; debugfs puts
 * them into the finished file system.
 */
function packExt2(inputs: PlanInputs, parts: FormatParts, file: string): Action {
  return buildAction(inputs, {
    name: `${parts.name}.ext2`,
    description: `${parts.title} as ext2`,
    tools: [...parts.base, parts.e2fsprogs],
    inputs: { '/composed': parts.composed },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        `contents=/composed/${composedNames.contents}
        awk '$1 ~ /^[26]/ { print substr($0, index($0, " ./") + 1) }' $contents >devices
        mkdir tree
        tar -x -o -f /composed/${composedNames.archive} -X devices -C tree
        # A block of 4 KiB for each file beyond its own, and an eighth for tables; then as much again, at most a gigabyte, to write to.
        blocks=$(awk '{ n += 2; if ($1 ~ /^8/) n += int($5 / 4096) } END { n = int(n * 9 / 8) + 4096; m = n > 262144 ? 262144 : n; print n + m }' $contents)
        mke2fs -q -t ext2 -b 4096 -I 256 -N $(($(wc -l <$contents) + 65536)) -m 0 -L root -U ${ext2Uuid} \\
          -E root_owner=0:0,hash_seed=${ext2Uuid} -d tree /out/${file} $blocks
        awk '
          {
            path = substr($0, index($0, " ./") + 2)
            gsub(/"/, "\\"\\"", path)
            name = path
            sub(".*/", "", name)
            above = substr(path, 1, length(path) - length(name))
            if ($1 ~ /^[26]/) {
              print "cd \\"" above "\\""
              print "mknod \\"" name "\\" " ($1 ~ /^2/ ? "c" : "b") " 0x" $6 " 0x" $7
              print "sif \\"" path "\\" mode 0" ($1 ~ /^2/ ? "2" : "6") sprintf("%04d", $2)
            }
            if ($3 != 0) print "sif \\"" path "\\" uid " $3
            if ($4 != 0) print "sif \\"" path "\\" gid " $4
          }
        ' $contents >changes
        debugfs -w -f changes /out/${file} >said 2>&1
        # It ends well, whatever it could not do.
        if grep -v -e '^debugfs' -e '^Allocated inode:' said | grep -q .; then cat said; exit 1; fi`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 30,
  });
}

/** A directory in the layout of the image format of the Open Container Initiative, with one layer. */
function packOci(inputs: PlanInputs, parts: FormatParts, file: string): Action {
  const [architecture = parts.target.name, variant] = ociArches[parts.target.name] ?? [];
  const created = '@CREATED@';
  const platform = { architecture, ...(variant === undefined ? {} : { variant }), os: 'linux' };
  const config = JSON.stringify({
    created,
    ...platform,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: ['sha256:@DIFF@'] },
    history: [{ created, created_by: 'bootstrap' }],
  });
  const kind = 'application/vnd.oci.image';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${kind}.manifest.v1+json`,
    config: { mediaType: `${kind}.config.v1+json`, digest: 'sha256:@CONFIG@', size: '@CONFIG_SIZE@' },
    layers: [{ mediaType: `${kind}.layer.v1.tar+gzip`, digest: 'sha256:@LAYER@', size: '@LAYER_SIZE@' }],
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${kind}.index.v1+json`,
    manifests: [
      {
        mediaType: `${kind}.manifest.v1+json`,
        digest: 'sha256:@MANIFEST@',
        size: '@MANIFEST_SIZE@',
        platform,
        annotations: { 'org.opencontainers.image.ref.name': parts.title },
      },
    ],
  });
  return buildAction(inputs, {
    name: `${parts.name}.oci`,
    description: `${parts.title} as an image for containers`,
    tools: parts.base,
    inputs: { '/composed': parts.composed },
    env: baseEnvironment(inputs),
    commands: [
      write('/build/config', config),
      write('/build/manifest', manifest),
      write('/build/index', index),
      shell(
        `blobs=/out/${file}/blobs/sha256
        mkdir -p $blobs
        sum() { sha256sum <"$1" | cut -c 1-64; }
        # add FILE: puts it among the blobs, and sets sum and size.
        add() {
          sum=$(sum "$1")
          size=$(stat -c %s "$1")
          mv "$1" "$blobs/$sum"
        }
        gzip -n -6 </composed/${composedNames.archive} >layer
        add layer
        created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
        sed -i "s/@CREATED@/$created/g" config
        sed -i "s/@LAYER@/$sum/; s/\\"@LAYER_SIZE@\\"/$size/" manifest
        sed -i "s/@DIFF@/$(sum /composed/${composedNames.archive})/" config
        add config
        sed -i "s/@CONFIG@/$sum/; s/\\"@CONFIG_SIZE@\\"/$size/" manifest
        add manifest
        sed "s/@MANIFEST@/$sum/; s/\\"@MANIFEST_SIZE@\\"/$size/" index >/out/${file}/index.json
        echo '{"imageLayoutVersion":"1.0.0"}' >/out/${file}/oci-layout`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 60,
  });
}
