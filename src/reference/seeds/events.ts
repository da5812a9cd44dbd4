import { spread, type Span } from '../../seed/months.ts';
import type { Reference, SeedRow } from '../../seed/definition.ts';

/** Usage events of one type in one month of one organization. */
export interface EventStream {
  /** Unique among the streams; stored in `metadata.seed` of the events. */
  name: string;
  organization: Reference;
  type: string;
  /** The events are spread evenly over it. */
  span: Span;
  count: number;
  /** The quantity of each event, or of the nth one. */
  quantity?: number | ((index: number) => number);
  /** The users, in turn; `null` is an event without a user. */
  users: readonly (Reference | null)[];
  /** More metadata of the nth event. */
  metadata?: (index: number) => Record<string, string>;
}

/** Returns the rows of `usage_events` of a stream. */
export function eventsOf(stream: EventStream): SeedRow[] {
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
