/** Returns the names that a message of the server quotes, in the quotation marks of any of its languages. */
export function quotedNames(message: string): string[] {
  return [...message.matchAll(/["“„«]\s?([^"“”»]+?)\s?["“”»]/g)].map(([, name = '']) => name);
}
