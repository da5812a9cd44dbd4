import { spread, type Span } from '../../seed/months.ts';
import type { Reference, SeedRow } from '../../seed/definition.ts';

/** Usage events of one type in one month of one organization. */
export interface Stream {
  /** Unique among the streams; the events carry it as `metadata.seed`. */
  name: string;
  organization: Reference;
  type: string;
  /** Evenly over this. */
  span: Span;
  count: number;
  /** Of each event, or of the nth one. */
  quantity?: number | ((index: number) => number);
  /** Who takes turns; `null` is an event that names nobody. */
  users: readonly (Reference | null)[];
  /** Further metadata, of the nth event. */
  metadata?: (index: number) => Record<string, string>;
}

/** The rows of `usage_events` that a stream is. */
export function eventsOf(stream: Stream): SeedRow[] {
  const { name, organization, type, quantity = 1, users, metadata } = stream;
  return spread(stream.span, stream.count).map((occurredAt, index) => {
    const mark = `${name} ${index + 1}`;
    return {
      name: mark,
      values: {
        organization_id: organization,
        user_id: users[index % users.length] ?? null,
        event_type: type,
        quantity: typeof quantity === 'number' ? quantity : quantity(index),
        metadata: { seed: mark, ...metadata?.(index) },
        occurred_at: occurredAt,
      },
    };
  });
}
