/** A table of the target database. */
export interface TableSizes {
  schema: string;
  name: string;
  kind: 'table' | 'partitioned table' | 'materialized view';
  /** The partitioned table of a partition. */
  partitionOf?: { schema: string; name: string };
  /** Rows as the server estimates them; of a partitioned table, those of its partitions. */
  rows: number;
  /** Bytes of the table without its indexes and TOAST; of a partitioned table, those of its partitions. */
  heapBytes: number;
  toastBytes: number;
  indexes: { name: string; bytes: number; isValid: boolean }[];
  /** INSERT, UPDATE and DELETE per second between two samples; absent where it was not measured. */
  writesPerSecond?: number;
}

/** Something on the server that a lock would wait for, or that matters for the migration. */
export interface ServerActivity {
  /** The oldest open transaction; seconds. */
  longestTransaction?: { pid: number; seconds: number; role: string; application: string };
  preparedTransactions: number;
  replicas: number;
  /** Names of inactive or lagging slots. */
  slots: string[];
  /** Autovacuum workers at work that prevent wraparound, and so do not yield, by table. */
  wraparoundVacuums: { schema: string; name: string }[];
}

/** What plan knows of the target database; also the file of `dbops stats export`. */
export interface LiveFacts {
  /** As the server reports it, such as `16.4`. */
  serverVersion: string;
  tables: TableSizes[];
  /** Absent in a file. */
  activity?: ServerActivity;
  /** Milliseconds to read one megabyte of a table, measured by a bounded scan; absent: not measured. */
  scanMsPerMb?: number;
  /** Names of the migrations that are applied. */
  applied: string[];
}

/** How long something takes, in milliseconds. */
export interface DurationBand {
  low: number;
  likely: number;
  high: number;
}
