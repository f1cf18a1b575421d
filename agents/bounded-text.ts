// Text of unknown size and content made fit for a log line or a prompt.

const encoder = new TextEncoder();

export const bytesOf = (text: string): number => encoder.encode(text).length;

/** At most `maxBytes` of UTF-8: head and tail are kept, with a line between them that says how much is missing. */
export function cutMiddle(text: string, maxBytes: number): string {
  const bytes = encoder.encode(text);
  if (bytes.length <= maxBytes) return text;
  const keep = Math.max(0, maxBytes - 80); // room for the note
  const head = wellCut(bytes.subarray(0, Math.ceil(keep * 0.6)));
  const tail = wellCut(bytes.subarray(bytes.length - Math.floor(keep * 0.4)));
  return `${head}\n[… ${bytes.length - bytesOf(head) - bytesOf(tail)} of ${bytes.length} bytes cut …]\n${tail}`;
}

/** The last `maxBytes` of UTF-8. */
export function tailOf(text: string, maxBytes: number): string {
  const bytes = encoder.encode(text);
  return bytes.length <= maxBytes ? text : `[…]${wellCut(bytes.subarray(bytes.length - maxBytes))}`;
}

/** Decodes bytes that were cut anywhere: half a character at either end is left out. */
const wellCut = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/^\uFFFD+|\uFFFD+$/g, "");

/**
 * Without what a person would not see: control characters (but newline and tab), terminal sequences, half surrogates, and the
 * invisible and direction-changing characters that hide instructions in a text.
 */
export const visible = (text: string): string =>
  text
    .replace(/\r\n?/g, "\n")
    .replace(/(?![\n\t])\p{Cc}\[[0-9;?]*[ -/]*[@-~]/gu, "")
    .toWellFormed()
    .replace(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}]/gu, ""); // the two joiners are part of words and of emoji
