/** Returns a word of a command line that is printed to be pasted: a name may contain anything. */
export function shellWord(word: string): string {
  // oxlint-disable-next-line no-control-regex -- the controls are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(word)) return `$'${escapedForBash(word)}'`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function escapedForBash(word: string): string {
  return word.replaceAll(/['\\]/g, String.raw`\$&`).replaceAll(
    // oxlint-disable-next-line no-control-regex -- the controls are what is looked for
    /[\u0000-\u001f\u007f-\u009f]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
