import type { Brand } from '../core/brand.ts';

/**
 * Part of an emulator argument in its final form: in a value among options (`user,model=e1000`), every comma that is
 * part of the value is doubled.
 */
export type OptionText = Brand<'OptionText'>;

/** Part of an argument from a template. Each interpolated text is a value among options, or a part of one. */
export function option(strings: TemplateStringsArray, ...values: readonly string[]): OptionText {
  return asWritten(String.raw({ raw: strings }, ...values.map(doubleCommas)));
}

/** Text from a descriptor that the emulator is meant to interpret, including commas. The only cast to `OptionText`. */
export function asWritten(text: string): OptionText {
  return text as OptionText;
}

/** Escapes a text as one value among options of the emulator. */
export function doubleCommas(value: string): string {
  return value.replaceAll(',', ',,');
}
