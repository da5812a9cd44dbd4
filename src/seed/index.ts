export { seedReport } from './report.ts';
export { runSeeds } from './run.ts';
