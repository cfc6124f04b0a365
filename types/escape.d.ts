/**
 * @param str a name, such as a table's
 * @returns the name in double quotes, safe to put into SQL
 */
export function escapeIdentifier(str: string): string;

/**
 * @param str a text
 * @returns the text as an SQL literal, safe to put into SQL; `''` for what isn't a string
 */
export function escapeLiteral(str: string): string;
