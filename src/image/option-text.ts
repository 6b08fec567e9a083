import type { Brand } from '../core/brand.ts';

/**
 * Part of an argument of the emulator in its final form: in a value among options (`user,model=e1000`), every comma that is
 * part of the value is doubled.
 */
export type OptionText = Brand<'OptionText'>;

/** Part of an argument from a template. A text in it is one value among options, or a part of one. */
export function option(strings: TemplateStringsArray, ...values: readonly string[]): OptionText {
  return asWritten(String.raw({ raw: strings }, ...values.map(doubleCommas)));
}

/** Text that a descriptor means to be read by the emulator, commas and all. The only cast to `OptionText`. */
export function asWritten(text: string): OptionText {
  return text as OptionText;
}

/** Text as one value among options of the emulator. */
export function doubleCommas(value: string): string {
  return value.replaceAll(',', ',,');
}
