import { isCommitted } from '../../sql/git-history.ts';
import { fromCatalog } from './catalog.ts';
import { fromDirectives } from './declared.ts';
import { fromFormerFolders } from './former-folder.ts';
import { fromRecordedTexts } from './recorded-texts.ts';
import { openRows, type Found, type SquashQuestion } from './replacement.ts';

/**
 * Finds migrations that replace several others: those that name the rows themselves; those that contain
 * the texts of which the rows record a hash; those that produce the catalog of the files that git has in their
 * place; and, without git, the one that alone explains it.
 * Each is proven by the live catalog. Any other row without a file is left as it is.
 */
export async function findReplacements(asked: SquashQuestion): Promise<Found> {
  const found: Found = { replacements: [], left: new Map() };
  for (const search of [fromDirectives, fromRecordedTexts, fromFormerFolders, withoutGit]) {
    if (openRows(asked, found).length === 0) break;
    await search(asked, found);
  }
  for (const { rows } of found.replacements) for (const { name } of rows) found.left.delete(name);
  return found;
}

async function withoutGit(asked: SquashQuestion, found: Found): Promise<void> {
  const isAlone = openRows(asked, found).length === 1;
  if (!isAlone && !(await isCommitted(asked.folder.directory))) fromCatalog(asked, found);
}
