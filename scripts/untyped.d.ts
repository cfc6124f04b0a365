// For `npm run check` alone: dependencies that come without declarations.

declare module 'pgpass' {
  function pgpass(settings: object, callback: (password: string | undefined) => void): void;
  export = pgpass;
}

declare module 'pgpass/lib/helper' {
  export function getFileName(): string;
}

declare module 'pg-types/lib/binaryParsers' {
  export function init(register: (oid: number, parser: (value: Buffer) => unknown) => void): void;
}

declare module 'pg-types/lib/textParsers' {
  export function init(register: (oid: number | string, parser: (text: string) => unknown) => void): void;
}
