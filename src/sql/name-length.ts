/** The bytes of the longest name of an object (NAMEDATALEN of the server, without the final zero). */
export const longestName = 63;

/** Returns the text in at most this number of bytes, without part of a character, as the server cuts names. */
export function clipped(text: string, bytes = longestName): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  let end = bytes;
  while (((all[end] ?? 0) & 0xc0) === 0x80) end--;
  return all.subarray(0, end).toString();
}
