import type { AnySchema, ValidateFunction } from 'ajv';
import type { FileFault } from '../core/failure.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import { lineOf } from '../inputs/json-lines.ts';
import { schemaFault } from '../inputs/schema-fault.ts';
import type { SplitRule } from './definition.ts';
import {
  chunkSchema,
  defaultsSchema,
  packagesSchema,
  stratumSchema,
  systemSchema,
  versionSchema,
} from './schemas.ts';
import { readYaml } from './yaml-text.ts';

/** Texts of a set of definitions by their paths, relative to its root. */
export type DefinitionTexts = ReadonlyMap<string, string>;

type Commands = Readonly<Record<string, unknown>>;

/** The files as they are written, once they have passed their schemas. Every scalar is a text. */
export interface WrittenFiles {
  readonly chunk: Commands & {
    readonly name: string;
    readonly 'build-system'?: string;
    readonly 'max-jobs'?: string;
    readonly products?: readonly SplitRule[];
    readonly 'system-integration'?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
    readonly devices?: readonly WrittenDevice[];
    readonly 'x-bootstrap'?: WrittenExtensions;
  };
  readonly stratum: {
    readonly name: string;
    readonly 'build-depends'?: readonly { readonly morph: string }[];
    readonly products?: readonly SplitRule[];
    readonly chunks: readonly WrittenEntry[];
  };
  readonly system: {
    readonly name: string;
    readonly arch: string;
    readonly strata: readonly { readonly morph: string; readonly artifacts?: readonly string[] }[];
    readonly 'configuration-extensions'?: readonly string[];
  };
  readonly defaults: {
    readonly 'build-systems'?: Readonly<
      Record<string, Commands & { readonly indicators?: readonly string[] }>
    >;
    readonly 'split-rules'?: {
      readonly chunk?: readonly SplitRule[];
      readonly stratum?: readonly SplitRule[];
    };
  };
  readonly packages: {
    readonly packages: Readonly<Record<string, { readonly artifacts?: readonly string[] }>>;
    readonly pre_install_commands?: readonly string[];
    readonly post_install_commands?: readonly string[];
  };
  readonly version: { readonly version: string };
}

export interface WrittenDevice {
  readonly filename: string;
  readonly type: 'c' | 'b';
  readonly major: string;
  readonly minor: string;
  readonly permissions?: string;
  readonly uid?: string;
  readonly gid?: string;
}

/** A chunk where its stratum names it. */
export interface WrittenEntry {
  readonly name: string;
  readonly morph?: string;
  readonly repo: string;
  readonly ref: string;
  readonly 'unpetrify-ref'?: string;
  readonly 'build-system'?: string;
  readonly 'build-depends'?: readonly string[];
  readonly 'build-mode'?: 'staging' | 'bootstrap' | 'test' | 'prelibc';
  readonly prefix?: string;
  readonly submodules?: Readonly<Record<string, { readonly url: string }>>;
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly 'x-bootstrap'?: WrittenExtensions;
}

export interface WrittenExtensions {
  readonly memory?: string;
  readonly 'timeout-minutes'?: string;
  readonly 'guest-cpus'?: string;
  readonly compiler?: 'true' | 'false';
  readonly distcc?: 'true' | 'false';
  readonly superuser?: 'true' | 'false';
  readonly 'runtime-depends'?: readonly string[];
  readonly 'test-commands'?: readonly string[];
  readonly 'build-mode'?: 'staging' | 'bootstrap' | 'test' | 'prelibc';
}

const schemas: Readonly<Record<keyof WrittenFiles, AnySchema>> = {
  chunk: chunkSchema,
  stratum: stratumSchema,
  system: systemSchema,
  defaults: defaultsSchema,
  packages: packagesSchema,
  version: versionSchema,
};

const checks = Object.fromEntries(
  Object.entries(schemas).map(([kind, schema]) => [kind, compileSchema(schema)]),
) as Readonly<Record<keyof WrittenFiles, () => ValidateFunction>>;

/** A definition file, and how to say that something in it is wrong. */
export interface DefinitionFile<Kind extends keyof WrittenFiles> {
  readonly path: string;
  readonly written: WrittenFiles[Kind];
  readonly faultAt: (field: string, message: string) => FileFault;
}

/**
 * Reads one file of a set, or says everything that is wrong with it.
 *
 * @param prepare what is done to the plain value before it is checked. Undefined: nothing.
 */
export function readDefinition<Kind extends keyof WrittenFiles>(
  path: string,
  text: string,
  kind: Kind,
  prepare = (written: unknown): unknown => written,
): DefinitionFile<Kind> | readonly FileFault[] {
  const { value: written, lines, faults } = readYaml(text);
  const faultAt = (field: string, message: string): FileFault => {
    const line = lineOf(field, lines);
    return { file: path, field, message, ...(line === undefined ? {} : { line }) };
  };
  if (faults.length > 0) return faults.map((fault) => ({ ...fault, file: path }));
  const value = prepare(written);
  const validate = checks[kind]();
  if (!validate(value)) {
    return (validate.errors ?? []).map((error) => {
      const { field, message } = schemaFault(error);
      return faultAt(field, message);
    });
  }
  return { path, written: value as WrittenFiles[Kind], faultAt };
}
