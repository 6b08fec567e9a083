import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import type { Fault } from '../core/failure.ts';

/** A YAML text as plain values. */
export interface YamlText {
  /** Objects, lists and texts: a number or boolean is the text that was written. Undefined if `faults` say why. */
  readonly value: unknown;
  /** 1-based line by field: `chunks[3].build-depends[0]`. */
  readonly lines: ReadonlyMap<string, number>;
  readonly faults: readonly Fault[];
}

/** More aliases than any definition has, and fewer than it takes to fill the memory with copies. */
const maxAliases = 1000;

/**
 * Reads a YAML text in which every scalar is a text: a commit such as `12345e67`, a version such as `1.10` and a name such as `no`
 * are what was written, and who needs a number says so.
 */
export function readYaml(text: string): YamlText {
  const lines = new Map<string, number>([['', 1]]);
  try {
    return read(text, lines);
  } catch (error) {
    // Too many aliases, or nesting that is too deep for the parser.
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { value: undefined, lines, faults: [{ field: '', message }] };
  }
}

function read(text: string, lines: Map<string, number>): YamlText {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    merge: true,
    lineCounter: counter,
    prettyErrors: false,
  });
  const lineAt = (position: number): number => counter.linePos(position).line;
  const faults = [...document.errors, ...document.warnings].map(({ message, pos }): Fault => {
    return { field: '', line: lineAt(pos[0]), message: `is not valid YAML: ${message}` };
  });
  if (faults.length > 0) return { value: undefined, lines, faults };
  const note = (node: unknown, field: string, line: number): void => {
    lines.set(field, line);
    if (isSeq<Node>(node)) {
      for (const [index, item] of node.items.entries())
        note(item, `${field}[${String(index)}]`, lineOfNode(item, lineAt) ?? line);
    } else if (isMap<unknown, Node | null>(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        note(value, field === '' ? name : `${field}.${name}`, lineOfNode(key, lineAt) ?? line);
      }
    }
  };
  note(document.contents, '', 1);
  return { value: document.toJS({ maxAliasCount: maxAliases }), lines, faults };
}

function lineOfNode(node: Node, lineAt: (position: number) => number): number | undefined {
  return node.range ? lineAt(node.range[0]) : undefined;
}
