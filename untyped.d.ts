// For `npm run check` alone: dependencies that come without declarations.

declare module 'pg-pool' {
  import { EventEmitter } from 'node:events';

  class Pool extends EventEmitter {
    constructor(options?: any, Client?: any);
    [name: string]: any;
  }
  export = Pool;
}

declare module 'pgpass' {
  function pgpass(settings: Record<string, any>, callback: (password: string | undefined) => void): void;
  export = pgpass;
}
