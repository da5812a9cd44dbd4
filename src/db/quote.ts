/** The one place where names and literals become SQL text; values travel as parameters. */
export { escapeIdentifier as quoteIdentifier, escapeLiteral as quoteLiteral } from 'pg';
