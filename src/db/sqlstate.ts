/**
 * SQLSTATEs that dbops handles, by the names of the server's manual (appendix "PostgreSQL Error
 * Codes").
 */
export const sqlstate = {
  connectionFailure: '08006',
  featureNotSupported: '0A000',
  notNullViolation: '23502',
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  checkViolation: '23514',
  activeSqlTransaction: '25001',
  readOnlySqlTransaction: '25006',
  invalidSqlStatementName: '26000',
  invalidAuthorizationSpecification: '28000',
  invalidPassword: '28P01',
  invalidTransactionTermination: '2D000',
  dependentObjectsStillExist: '2BP01',
  invalidCatalogName: '3D000',
  invalidSchemaName: '3F000',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  duplicateColumn: '42701',
  undefinedColumn: '42703',
  undefinedObject: '42704',
  duplicateObject: '42710',
  duplicateFunction: '42723',
  datatypeMismatch: '42804',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  duplicateSchema: '42P06',
  duplicateTable: '42P07',
  invalidObjectDefinition: '42P17',
  diskFull: '53100',
  undefinedFile: '58P01',
  tooManyConnections: '53300',
  lockNotAvailable: '55P03',
  unsafeNewEnumValueUsage: '55P04',
  queryCanceled: '57014',
  cannotConnectNow: '57P03',
} as const;

/** Returns whether a code is an SQLSTATE rather than a code of the operating system. */
export function isSqlState(code: string | undefined): boolean {
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code);
}
