import { usageError } from '../errors.ts';
import { checks } from './checks/index.ts';
import {
  catalogueGroups,
  checkGroups,
  groupWords,
  type Check,
  type CheckGroup,
} from './definition.ts';

/** The words of the command line, by the groups that they name. */
const wordsOf: Readonly<Record<string, readonly CheckGroup[]>> = {
  ...Object.fromEntries(checkGroups.map((group) => [group, [group]])),
  health: catalogueGroups,
};

/** What runs. */
export interface Selection {
  /** Groups of which something runs. */
  groups: ReadonlySet<CheckGroup>;
  /** Checks of the catalogue. */
  checks: readonly Check[];
  /** Returns whether a check of the catalogue or of one's own runs. */
  includes(name: string, group: CheckGroup): boolean;
}

interface SelectionRequest {
  /** Groups; none is all. */
  words: readonly string[];
  /** Groups or names of checks. */
  only: readonly string[];
  skip: readonly string[];
  /** Names of the checks of the data. */
  dataChecks: readonly string[];
  /** Names of the probes of behaviour. */
  probes: readonly string[];
}

/** @throws usage error for a word that names neither a group nor a check */
export function selectChecks({
  words,
  only,
  skip,
  dataChecks,
  probes,
}: SelectionRequest): Selection {
  const names = new Set([
    ...checks.map(({ name }) => name),
    ...dataChecks,
    ...probes,
    ...groupWords,
  ]);
  const unknown = [...words, ...only, ...skip].filter((word) => !names.has(word));
  if (unknown.length > 0)
    throw usageError(
      'VERIFY.CHECK',
      `No check and no group of checks is named ${unknown.join(', ')}.`,
      'List them: dbops verify --list',
    );
  const covers = (list: readonly string[], name: string, group: CheckGroup) =>
    list.some((word) => word === name || (wordsOf[word]?.includes(group) ?? false));
  const asked = [words, only].filter((list) => list.length > 0);
  const includes = (name: string, group: CheckGroup) =>
    (group !== 'smoke' || asked.length > 0) &&
    asked.every((list) => covers(list, name, group)) &&
    !covers(skip, name, group);
  const selected = checks.filter(({ name, group }) => includes(name, group));
  const declared: Partial<Record<CheckGroup, readonly string[]>> = {
    schema: [],
    data: dataChecks,
    smoke: probes,
  };
  const groups = checkGroups.filter(
    (group) =>
      selected.some((check) => check.group === group) ||
      (declared[group] && [group, ...declared[group]].some((name) => includes(name, group))),
  );
  return { groups: new Set(groups), checks: selected, includes };
}

/** Returns whether a name is a code of findings that are not of a declared check, or a group. */
export function isReserved(name: string): boolean {
  return (
    /^(?:missing|different|extra)-|^(?:not-checked|reconcile)$/.test(name) ||
    groupWords.includes(name) ||
    checks.some((check) => check.name === name)
  );
}
