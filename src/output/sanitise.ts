/** C0 and C1 controls except newline and tab, and the bidirectional overrides. */
// oxlint-disable-next-line no-control-regex -- the controls are what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Takes out what could drive a terminal: names and titles in the database are written by
 * strangers. Our own colours are added afterwards.
 */
export function stripControls(text: string): string {
  return text.replace(controls, '');
}

/** A password in anything that looks like a URL, up to the last `@` of the word. */
const passwordInUrl = /(:\/\/[^:@/\s'"]*):[^\s'"]*@/g;

/** Replaces every secret in the text; longest first, so that no part of one stays behind. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .toSorted((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replaceAll(secret, '****'), text)
    .replace(passwordInUrl, '$1:****@');
}
