import { readFileSync } from 'node:fs';

/** The sections of docs/usage.md, each a page of its own. */
export default {
  watch: ['../usage.md'],
  paths() {
    const [, ...sections] = readFileSync('docs/usage.md', 'utf8').split(/^## /m);
    return sections
      .filter((section) => !section.startsWith('help '))
      .map((section) => {
        const [words = ''] = section.split('\n', 1);
        const help = section.slice(words.length).trim();
        return {
          params: { command: words.replaceAll(' ', '-') },
          content: `# dbops ${words}\n\n${help}`,
        };
      });
  },
};
