import type { Declarations } from '../declarations.ts';
import { credits } from './credits.ts';

/** What the bundled application declares about its tables, as any other application would. */
export const declarations: Declarations = { credits };
