const everything = ['18', '15', 'pglite'];

/** Majors between the oldest and the newest: only for what may differ between any two. */
const between = ['16', '17'];

const all = [...everything, ...between];

/** Which targets a run covers: all, or those that `DBOPS_TARGETS` names (`18`, `15,pglite` …). */
export interface Choice {
  majors: number[];
  between: number[];
  pglite: boolean;
  leftOut: string[];
}

/** @throws when the variable names a target that there is not. */
export function chooseTargets(names = process.env['DBOPS_TARGETS']): Choice {
  const chosen = names ? names.split(',').map((name) => name.trim()) : all;
  const unknown = chosen.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new Error(`DBOPS_TARGETS: ${unknown.join(', ')} is none of ${all.join(', ')}`);
  }
  return {
    majors: everything.filter((name) => name !== 'pglite' && chosen.includes(name)).map(Number),
    between: between.filter((name) => chosen.includes(name)).map(Number),
    pglite: chosen.includes('pglite'),
    leftOut: all.filter((name) => !chosen.includes(name)),
  };
}
