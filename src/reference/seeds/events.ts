import type { SeedReference } from '../../declared/definition.ts';
import type { DeclaredRow } from '../../seed/definition.ts';
import { spread, type Span } from './months.ts';

/** Usage events of one type in one month of one organization. */
export interface EventStream {
  /** Unique among the streams; stored in `metadata.seed` of the events. */
  name: string;
  organization: SeedReference;
  type: string;
  /** The events are spread evenly over it. */
  span: Span;
  count: number;
  /** The quantity of each event, or of the nth one. */
  quantity?: number | ((index: number) => number);
  /** The users, in turn; `null` is an event without a user. */
  users: readonly (SeedReference | null)[];
  /** More metadata of the nth event. */
  metadata?: (index: number) => Record<string, string>;
}

/** Returns the rows of `usage_events` of a stream, without ids. */
export function eventsOf(stream: EventStream): DeclaredRow[] {
  const { name, organization, type, quantity = 1, users, metadata } = stream;
  return spread(stream.span, stream.count).map((occurredAt, index) => ({
    organization_id: organization,
    user_id: users[index % users.length] ?? null,
    event_type: type,
    quantity: typeof quantity === 'number' ? quantity : quantity(index),
    metadata: { seed: `${name} ${index + 1}`, ...metadata?.(index) },
    occurred_at: occurredAt,
  }));
}
