// Packages without types of their own.
declare module 'pg-pool' {
  const PgPool: any;
  export = PgPool;
}
declare module 'pgpass' {
  const pgpass: any;
  export = pgpass;
}
