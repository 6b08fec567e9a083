import { createHash } from 'node:crypto';
import { digest, type Digest } from '../core/digest.ts';
import { unreachable } from '../core/result.ts';
import type { Command, Platform } from './action.ts';
import type { BoundRecipe, Content } from './bound.ts';
import { key, planId, type Key, type PlanId } from './names.ts';

/**
 * Version of the encoding, and of everything that an executor adds that is not in a recipe (the base
 * environment, the contents of `/dev` and `/etc`, how outputs are normalised). A change to any of these that
 * can alter the bytes of a result needs a new number, which invalidates all results.
 *
 * A new optional field needs none: what is absent is not encoded, so that recipes without it keep their keys.
 *
 * History:
 * 1  first version
 */
const formatVersion = 1;

/** What the encoding is defined for. Absent and undefined fields are the same. */
export type Encodable =
  string | number | boolean | readonly Encodable[] | { readonly [field: string]: Encodable | undefined };

/**
 * Canonical text of plain data: JSON without spaces, fields in code-unit order, arrays in theirs, no undefined
 * field. JSON's quotes delimit every string, so that no two values share a text.
 */
export function canonicalText(value: Encodable): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new Error(`no canonical text for the number ${value}`);
      return String(value);
    case 'object':
      return isArray(value) ? `[${value.map(canonicalText).join(',')}]` : canonicalFields(value);
    default:
      throw new Error(`no canonical text for a ${typeof value}`);
  }
}

function canonicalFields(value: { readonly [field: string]: Encodable | undefined }): string {
  const fields: string[] = [];
  for (const field of Object.keys(value).sort()) {
    const content = value[field];
    if (content !== undefined) fields.push(`${JSON.stringify(field)}:${canonicalText(content)}`);
  }
  return `{${fields.join(',')}}`;
}

function isArray(value: object): value is readonly Encodable[] {
  return Array.isArray(value);
}

/** The key of a result: the digest of a recipe with the content of its inputs. */
export function keyOf(recipe: BoundRecipe): Key {
  return key(hashOf('key', recipeFields(recipe)));
}

/** The plan id of a recipe that was bound to `pseudoDigest`s instead of content. */
export function planIdOf(recipe: BoundRecipe): PlanId {
  return planId(hashOf('plan-id', recipeFields(recipe)));
}

/** A digest that stands for something whose content is not known, such as an output that is yet to be built. */
export function pseudoDigest(kind: string, value: Encodable): Digest {
  return digest(`${hashOf(kind, value)}-0`);
}

/** With real content, size zero occurs only with the SHA-256 of the empty string, so a pseudo digest never equals a real one. */
function hashOf(domain: string, value: Encodable): string {
  return createHash('sha256')
    .update(`bootstrap ${domain} ${formatVersion}\n${canonicalText(value)}`)
    .digest('hex');
}

/** Names every hashed field, so that a field added to the types is hashed only if it is added here too. */
function recipeFields(recipe: BoundRecipe): Encodable {
  return {
    commands: recipe.commands.map(commandFields),
    env: recipe.env,
    tools: recipe.tools.map(contentFields),
    inputs: recipe.inputs.map((input) => ({
      path: input.path,
      contents: input.contents.map(contentFields),
      below: input.below?.map(contentFields),
      writable: present(input.writable),
    })),
    outputs: recipe.outputs,
    platform: platformFields(recipe.platform),
    compileServer: recipe.compileServer === undefined ? undefined : contentFields(recipe.compileServer),
  };
}

function platformFields({ os, cpu, alsoRuns, superuser }: Platform): Encodable {
  return { os, cpu, alsoRuns, superuser: present(superuser ?? false) };
}

function commandFields(command: Command): Encodable {
  switch (command.kind) {
    case 'run':
      return {
        kind: command.kind,
        argv: command.argv,
        cwd: command.cwd,
        stdin: command.stdin,
        stdout: command.stdout,
        env: command.env,
      };
    case 'write':
      return { kind: command.kind, path: command.path, text: command.text, mode: command.mode };
    default:
      return unreachable(command);
  }
}

function contentFields(content: Content): Encodable {
  switch (content.kind) {
    case 'tree':
      return { kind: content.kind, digest: content.digest };
    case 'file':
      return { kind: content.kind, digest: content.digest, executable: present(content.executable) };
    default:
      return unreachable(content);
  }
}

/** A false flag is the same as an absent one. */
function present(flag: boolean): true | undefined {
  return flag ? true : undefined;
}
