const everything = ['18', '15', 'pglite'];

/** Which targets a run covers: all, or those that `DBOPS_TARGETS` names (`18`, `15,pglite` …). */
export interface Choice {
  majors: number[];
  pglite: boolean;
  leftOut: string[];
}

/** @throws when the variable names a target that there is not. */
export function chooseTargets(names = process.env['DBOPS_TARGETS']): Choice {
  const chosen = names ? names.split(',').map((name) => name.trim()) : everything;
  const unknown = chosen.filter((name) => !everything.includes(name));
  if (unknown.length > 0) {
    throw new Error(`DBOPS_TARGETS: ${unknown.join(', ')} is none of ${everything.join(', ')}`);
  }
  return {
    majors: everything.filter((name) => name !== 'pglite' && chosen.includes(name)).map(Number),
    pglite: chosen.includes('pglite'),
    leftOut: everything.filter((name) => !chosen.includes(name)),
  };
}
