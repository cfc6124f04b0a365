import { DatabaseError as ServerError } from 'pg-protocol';

/** What the server says when it refuses something. The class is the one of `pg-protocol`. */
export class DatabaseError extends ServerError {
  /** On the way to a Supabase project: what it means. Errors of the network have it as well. */
  supabase?: SupabaseAdvice | undefined;
}

/** What a failure on the way to a Supabase project means: `error.supabase`. */
export interface SupabaseAdvice {
  /** The pooler's own code, such as `EMAXCONNSESSION`, or the one that its newer releases have for this answer. */
  code: string;
  /**
   * `'fix'`: correct the configuration, trying again can't help. `'wait'`: there is no room at present. `'retry'`:
   * something between pooler and database has failed. `'stop'`: each further try makes it worse.
   */
  reaction: 'fix' | 'wait' | 'retry' | 'stop';
  /** What to do. */
  hint: string;
}
