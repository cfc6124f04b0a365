// What a script is, told from its text: no server takes part. Migrations as programs have them, a megabyte of them.

import { createHash } from 'node:crypto';

const MIGRATION = `
-- Accounts and their owners; see the plan.
CREATE TABLE IF NOT EXISTS public.accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  name text NOT NULL DEFAULT 'it''s new',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT accounts_name_is_short CHECK (length(name) < 200)
);
CREATE INDEX CONCURRENTLY accounts_owner ON public.accounts (owner) WHERE name <> '';
ALTER TABLE public.accounts ADD COLUMN settings jsonb, ADD COLUMN plan text CHECK (plan IN ('free', 'paid')) NOT VALID;
ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Owners see theirs" ON public.accounts FOR SELECT TO authenticated USING ((SELECT auth.uid()) = owner);
INSERT INTO public.plans (name, price, features) VALUES ('free', 0, '{"seats": 1}'), ('paid', 9.90, '{"seats": 20}');
UPDATE public.accounts SET plan = 'free', settings = '{}'::jsonb WHERE plan IS NULL AND created_at < now() - interval '1 day';
CREATE OR REPLACE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;
CREATE VIEW public.totals AS SELECT a.plan, count(*) AS accounts, sum(p.price) AS price
  FROM public.accounts a LEFT JOIN public.plans p ON p.name = a.plan GROUP BY a.plan ORDER BY 2 DESC;
GRANT SELECT ON public.totals TO authenticated;
`;

const SCRIPT = MIGRATION.repeat(Math.ceil(1_000_000 / MIGRATION.length));
const KILOBYTES = SCRIPT.length / 1000;

function workload(name, title, needs, result) {
  return {
    name,
    title,
    unit: 'kB',
    headline: true,
    modes: ['pinned'],
    needs,
    async open({ adapter, target }) {
      return adapter.open(target, { size: 1 });
    },
    async batch(session) {
      session[needs](SCRIPT);
      return KILOBYTES;
    },
    async check(session) {
      const checksum = createHash('sha256')
        .update(String(result(session[needs](SCRIPT))))
        .digest('hex');
      return { checksum };
    },
    close: (session) => session.close(),
  };
}

export const workloads = [
  workload('analyze-sql', 'analyzeSql of a script of 1 MB', 'analyzeSql', (statements) =>
    JSON.stringify(statements),
  ),
  workload('split-sql', 'Taking a script of 1 MB apart', 'statementCount', String),
];
