import { usageError } from '../errors.ts';

/** Returns the text of the nth value (0-based), the same in every run with the same seed; null is NULL. */
export type ValueGenerator = (n: number) => string | null;

export interface GeneratorRequest {
  /** Such as `seeds.load.columns.tokens`; also the seed of its random numbers. */
  place: string;
  /** How many values there will be. */
  rows: number;
  now: Date;
  isInteger: boolean;
}

/** Returns a number for a text (FNV-1a, 32 bits). */
function seedOf(text: string): number {
  let seed = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) seed = Math.imul(seed ^ text.charCodeAt(at), 0x01000193);
  return seed;
}

/**
 * Returns the nth number between 0 and 1, both excluded, of the sequence of a seed. Any n costs the same, so a
 * load can continue anywhere (a counter, mixed by "lowbias32" of Chris Wellons' hash-prospector).
 */
function uniform(seed: number, n: number): number {
  let mixed = seed ^ Math.imul(n + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (((mixed ^ (mixed >>> 15)) >>> 0) + 0.5) / 2 ** 32;
}

type Make = (words: readonly string[], request: GeneratorRequest) => ValueGenerator | undefined;

const milliseconds: Record<string, number> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  year: 31_557_600_000,
};

/** Times in order, so that a table that grows with time looks like one. */
const spread: Make = ([amount = '', unit = ''], { place, rows, now }) => {
  const span = numberOf(amount) * (milliseconds[unit.replace(/s$/, '')] ?? Number.NaN);
  if (!(span > 0)) return undefined;
  const seed = seedOf(place);
  const from = now.getTime() - span;
  return (n) => {
    const part = (n + uniform(seed, n)) / rows;
    return new Date(from + span * Math.min(part, 1)).toISOString();
  };
};

const lognormal: Make = ([median = '', sigma = '1'], { place, isInteger }) => {
  const [middle, width] = [numberOf(median), numberOf(sigma)];
  if (!(middle > 0 && width >= 0)) return undefined;
  const [seed, another] = [seedOf(place), seedOf(`${place} angle`)];
  return (n) => {
    // Box and Muller's transform of two uniform numbers.
    const radius = Math.sqrt(-2 * Math.log(uniform(seed, n)));
    const value = middle * Math.exp(width * radius * Math.cos(2 * Math.PI * uniform(another, n)));
    return isInteger ? String(Math.round(value)) : value.toFixed(2);
  };
};

/** From 1 to N: twice the value is half as frequent. */
const zipf: Make = ([most = ''], { place }) => {
  const logarithm = Math.log(numberOf(most) + 1);
  if (!(logarithm > 0)) return undefined;
  const seed = seedOf(place);
  return (n) => String(Math.floor(Math.exp(uniform(seed, n) * logarithm)));
};

const evenly: Make = ([from = '', to = ''], { place, isInteger }) => {
  const [low, high] = [numberOf(from), numberOf(to)];
  if (!(high >= low)) return undefined;
  const seed = seedOf(place);
  return (n) => {
    const part = uniform(seed, n);
    return isInteger
      ? String(low + Math.floor(part * (high - low + 1)))
      : (low + part * (high - low)).toFixed(2);
  };
};

const choice: Make = (words, { place }) => (words.length > 0 ? oneOf(words, place) : undefined);

const distributions: Record<string, { form: string; make: Make }> = {
  spread: { form: 'spread 60 days', make: spread },
  lognormal: { form: 'lognormal 400, or lognormal 400 0.5', make: lognormal },
  zipf: { form: 'zipf 1000', make: zipf },
  uniform: { form: 'uniform 1 100', make: evenly },
  choice: { form: 'choice a b c', make: choice },
};

function numberOf(word: string): number {
  return word === '' ? Number.NaN : Number(word.replaceAll('_', ''));
}

/** Returns any of the values for each row. */
export function oneOf(values: readonly string[], place: string): ValueGenerator {
  const seed = seedOf(place);
  return (n) => values[Math.floor(uniform(seed, n) * values.length)] ?? null;
}

/**
 * Returns the generator that a text describes: a distribution, or the text with the number of the row in place
 * of `{n}`.
 *
 * @throws usage error for the name of a distribution with other arguments than its own
 */
export function generatorOf(text: string, request: GeneratorRequest): ValueGenerator {
  const [name = '', ...words] = text.trim().split(/\s+/);
  const known = Object.hasOwn(distributions, name) ? distributions[name] : undefined;
  if (!known)
    return text.includes('{n}') ? (n) => text.replaceAll('{n}', String(n + 1)) : () => text;
  const generator = known.make(words, request);
  if (generator) return generator;
  throw usageError(
    'SEED.DISTRIBUTION',
    `${request.place} is not a distribution: ${text}`,
    `Write ${known.form}. For this text itself, use sql\`'…'\`.`,
  );
}
