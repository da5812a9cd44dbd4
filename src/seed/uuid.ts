import { createHash } from 'node:crypto';

/** The namespace of every id that dbops makes; to change it would orphan all seeded rows. */
const dbopsNamespace = '6f0d7c9e-2f3b-4b0e-9a57-3c1f5d8e2a64';

/** UUIDv5 (RFC 9562, section 5.5): the same name gives the same id, in every database. */
export function uuid5(name: string, namespace = dbopsNamespace): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha1').update(space).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6); // version 5
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8); // variant of the RFC
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
