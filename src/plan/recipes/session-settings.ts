/** Returns whether a statement sets something for the statements after it, such as `SET lock_timeout = '2s'`. */
export function isSetting(sql: string): boolean {
  return /^(?:(?:set(?!\s+constraints\b)|reset)\b|select\s+(?:pg_catalog\s*\.\s*)?set_config\s*\()/i.test(
    sql,
  );
}

/** Returns whether a setting ends with its transaction. */
export function isLocalSetting(sql: string): boolean {
  return /^set\s+(?:local|transaction)\b|\btrue\s*\)[\s;]*$/i.test(sql);
}

/** Returns the same `SET search_path` for one transaction; undefined for any other statement. */
export function localPath(sql: string): string | undefined {
  const value = /^set\s+(?:local\s+|session\s+)?search_path\s*(?:=|\bto\b)\s*([^;]+)/i.exec(
    sql,
  )?.[1];
  return value === undefined ? undefined : `SET LOCAL search_path = ${value}`;
}
