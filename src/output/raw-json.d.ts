interface JSON {
  /** ECMAScript 2026, in V8 since 11.4: text that JSON.stringify copies as it is. */
  rawJSON(text: string): unknown;
}
