"""What PostgreSQL's own grammar says of statements: reads a JSON list of texts, writes one of answers.

Run by grammar.test.js with pglast. Written against PostgreSQL's sources (CreateCommandTag in utility.c) and the table of
classes in docs/beyond-pg.md, not against the code under test.
"""

import json
import sys

from pglast import ast, enums, parser

OBJECTS = {
    'MATVIEW': 'MATERIALIZED VIEW', 'TSCONFIGURATION': 'TEXT SEARCH CONFIGURATION', 'TSDICTIONARY': 'TEXT SEARCH DICTIONARY',
    'TSPARSER': 'TEXT SEARCH PARSER', 'TSTEMPLATE': 'TEXT SEARCH TEMPLATE', 'FDW': 'FOREIGN DATA WRAPPER',
    'FOREIGN_SERVER': 'SERVER', 'OPCLASS': 'OPERATOR CLASS', 'OPFAMILY': 'OPERATOR FAMILY', 'ATTRIBUTE': 'TYPE',
    'COLUMN': 'TABLE', 'TABCONSTRAINT': 'TABLE', 'DOMCONSTRAINT': 'DOMAIN', 'LARGEOBJECT': 'LARGE OBJECT',
    'STATISTIC_EXT': 'STATISTICS',
}

FIXED = {
    'InsertStmt': 'INSERT', 'UpdateStmt': 'UPDATE', 'DeleteStmt': 'DELETE', 'MergeStmt': 'MERGE', 'SelectStmt': 'SELECT',
    'CopyStmt': 'COPY', 'ExplainStmt': 'EXPLAIN', 'VariableShowStmt': 'SHOW', 'PrepareStmt': 'PREPARE',
    'ExecuteStmt': 'EXECUTE', 'DeclareCursorStmt': 'DECLARE CURSOR', 'LockStmt': 'LOCK TABLE', 'NotifyStmt': 'NOTIFY',
    'ListenStmt': 'LISTEN', 'UnlistenStmt': 'UNLISTEN', 'LoadStmt': 'LOAD', 'CheckPointStmt': 'CHECKPOINT', 'DoStmt': 'DO',
    'CallStmt': 'CALL', 'ConstraintsSetStmt': 'SET CONSTRAINTS', 'TruncateStmt': 'TRUNCATE TABLE', 'CommentStmt': 'COMMENT',
    'SecLabelStmt': 'SECURITY LABEL', 'IndexStmt': 'CREATE INDEX', 'CreateStmt': 'CREATE TABLE',
    'CreateForeignTableStmt': 'CREATE FOREIGN TABLE', 'CreateSchemaStmt': 'CREATE SCHEMA', 'RuleStmt': 'CREATE RULE',
    'CreateSeqStmt': 'CREATE SEQUENCE', 'AlterSeqStmt': 'ALTER SEQUENCE', 'CreateDomainStmt': 'CREATE DOMAIN',
    'AlterDomainStmt': 'ALTER DOMAIN', 'CreateEnumStmt': 'CREATE TYPE', 'CreateRangeStmt': 'CREATE TYPE',
    'CompositeTypeStmt': 'CREATE TYPE', 'AlterEnumStmt': 'ALTER TYPE', 'AlterTypeStmt': 'ALTER TYPE', 'ViewStmt': 'CREATE VIEW',
    'CreateTrigStmt': 'CREATE TRIGGER', 'CreateEventTrigStmt': 'CREATE EVENT TRIGGER',
    'AlterEventTrigStmt': 'ALTER EVENT TRIGGER', 'CreatePLangStmt': 'CREATE LANGUAGE', 'CreateOpClassStmt': 'CREATE OPERATOR CLASS',
    'CreateOpFamilyStmt': 'CREATE OPERATOR FAMILY', 'AlterOpFamilyStmt': 'ALTER OPERATOR FAMILY', 'AlterOperatorStmt': 'ALTER OPERATOR',
    'CreateCastStmt': 'CREATE CAST', 'CreateConversionStmt': 'CREATE CONVERSION', 'CreateTransformStmt': 'CREATE TRANSFORM',
    'CreateExtensionStmt': 'CREATE EXTENSION', 'AlterExtensionStmt': 'ALTER EXTENSION',
    'AlterExtensionContentsStmt': 'ALTER EXTENSION', 'AlterCollationStmt': 'ALTER COLLATION',
    'AlterTSDictionaryStmt': 'ALTER TEXT SEARCH DICTIONARY', 'AlterTSConfigurationStmt': 'ALTER TEXT SEARCH CONFIGURATION',
    'CreateAmStmt': 'CREATE ACCESS METHOD', 'CreateFdwStmt': 'CREATE FOREIGN DATA WRAPPER',
    'AlterFdwStmt': 'ALTER FOREIGN DATA WRAPPER', 'CreateForeignServerStmt': 'CREATE SERVER', 'AlterForeignServerStmt': 'ALTER SERVER',
    'CreateUserMappingStmt': 'CREATE USER MAPPING', 'AlterUserMappingStmt': 'ALTER USER MAPPING',
    'DropUserMappingStmt': 'DROP USER MAPPING', 'ImportForeignSchemaStmt': 'IMPORT FOREIGN SCHEMA',
    'CreatePublicationStmt': 'CREATE PUBLICATION', 'AlterPublicationStmt': 'ALTER PUBLICATION',
    'CreateSubscriptionStmt': 'CREATE SUBSCRIPTION', 'AlterSubscriptionStmt': 'ALTER SUBSCRIPTION',
    'DropSubscriptionStmt': 'DROP SUBSCRIPTION', 'CreatedbStmt': 'CREATE DATABASE', 'DropdbStmt': 'DROP DATABASE',
    'AlterDatabaseStmt': 'ALTER DATABASE', 'AlterDatabaseSetStmt': 'ALTER DATABASE',
    'AlterDatabaseRefreshCollStmt': 'ALTER DATABASE', 'CreateTableSpaceStmt': 'CREATE TABLESPACE',
    'DropTableSpaceStmt': 'DROP TABLESPACE', 'AlterTableSpaceOptionsStmt': 'ALTER TABLESPACE', 'CreateRoleStmt': 'CREATE ROLE',
    'AlterRoleStmt': 'ALTER ROLE', 'AlterRoleSetStmt': 'ALTER ROLE', 'DropRoleStmt': 'DROP ROLE', 'DropOwnedStmt': 'DROP OWNED',
    'ReassignOwnedStmt': 'REASSIGN OWNED', 'AlterDefaultPrivilegesStmt': 'ALTER DEFAULT PRIVILEGES',
    'CreatePolicyStmt': 'CREATE POLICY', 'AlterPolicyStmt': 'ALTER POLICY', 'RefreshMatViewStmt': 'REFRESH MATERIALIZED VIEW',
    'AlterSystemStmt': 'ALTER SYSTEM', 'ReindexStmt': 'REINDEX', 'ClusterStmt': 'CLUSTER', 'CreateStatsStmt': 'CREATE STATISTICS',
    'AlterStatsStmt': 'ALTER STATISTICS',
}

TRANSACTIONS = {
    'BEGIN': 'BEGIN', 'START': 'START TRANSACTION', 'COMMIT': 'COMMIT', 'ROLLBACK': 'ROLLBACK', 'SAVEPOINT': 'SAVEPOINT',
    'RELEASE': 'RELEASE', 'ROLLBACK_TO': 'ROLLBACK', 'PREPARE': 'PREPARE TRANSACTION', 'COMMIT_PREPARED': 'COMMIT PREPARED',
    'ROLLBACK_PREPARED': 'ROLLBACK PREPARED',
}

ORDER = ['read', 'transaction', 'session', 'write', 'create', 'alter', 'destructive', 'privilege', 'server', 'opaque', 'unknown']


def name(value):
    """The name of an enum's value without its prefix."""
    return value.name.split('_', 1)[1]


def thing(kind):
    found = name(kind)
    return OBJECTS.get(found, found.replace('_', ' '))


def tag(node):
    kind = type(node).__name__
    if kind in FIXED:
        return FIXED[kind]
    if kind == 'TransactionStmt':
        return TRANSACTIONS[node.kind.name.replace('TRANS_STMT_', '')]
    if kind == 'FetchStmt':
        return 'MOVE' if node.ismove else 'FETCH'
    if kind == 'ClosePortalStmt':
        return 'CLOSE CURSOR' if node.portalname else 'CLOSE CURSOR ALL'
    if kind == 'DeallocateStmt':
        return 'DEALLOCATE' if node.name else 'DEALLOCATE ALL'
    if kind == 'DiscardStmt':
        return 'DISCARD ' + name(node.target)
    if kind == 'VariableSetStmt':
        return 'RESET' if node.kind.name in ('VAR_RESET', 'VAR_RESET_ALL') else 'SET'
    if kind == 'GrantStmt':
        return 'GRANT' if node.is_grant else 'REVOKE'
    if kind == 'GrantRoleStmt':
        return 'GRANT ROLE' if node.is_grant else 'REVOKE ROLE'
    if kind == 'VacuumStmt':
        return 'VACUUM' if node.is_vacuumcmd else 'ANALYZE'
    if kind == 'CreateFunctionStmt':
        return 'CREATE PROCEDURE' if node.is_procedure else 'CREATE FUNCTION'
    if kind == 'AlterFunctionStmt':
        return 'ALTER ' + thing(node.objtype)
    if kind == 'CreateTableAsStmt':
        if not node.into.skipData:
            return 'SELECT'
        return 'CREATE TABLE AS' if thing(node.objtype) == 'TABLE' else 'CREATE MATERIALIZED VIEW'
    if kind == 'DefineStmt':
        return 'CREATE ' + thing(node.kind)
    if kind == 'DropStmt':
        return 'DROP ' + thing(node.removeType)
    if kind == 'RenameStmt':
        renamed = node.relationType if name(node.renameType) == 'COLUMN' else node.renameType
        return 'ALTER ' + thing(renamed)
    if kind in ('AlterObjectSchemaStmt', 'AlterOwnerStmt', 'AlterObjectDependsStmt'):
        return 'ALTER ' + thing(node.objectType)
    if kind in ('AlterTableStmt', 'AlterTableMoveAllStmt'):
        return 'ALTER ' + thing(node.objtype)
    return '?? ' + kind


def parts(node):
    """The node, everything in it, and what holds each."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, (list, tuple)):
            pending.extend(one)
        elif isinstance(one, ast.Node):
            yield one
            pending.extend(getattr(one, slot) for slot in one.__slots__ if getattr(one, slot) is not None)


def is_true(value):
    """defGetBoolean."""
    if value is None:
        return True
    if isinstance(value, ast.Integer):
        return value.ival != 0
    if isinstance(value, ast.Boolean):
        return value.boolval
    return getattr(value, 'sval', '').lower() not in ('false', 'off')


def runs(node):
    analyze = [option for option in node.options or () if option.defname.lower() == 'analyze']
    return bool(analyze) and is_true(analyze[-1].arg)


def chooses(condition):
    """Whether it depends on the row. A simple reading: a column in every alternative, and not just itself."""
    if condition is None:
        return False
    if isinstance(condition, ast.CurrentOfExpr):
        return True
    if isinstance(condition, ast.BoolExpr):
        kind = condition.boolop.name
        if kind == 'OR_EXPR':
            left = [arg for arg in condition.args if not is_plainly_false(arg)]
            return all(chooses(arg) for arg in left)
        return any(chooses(arg) for arg in condition.args)
    if isinstance(condition, ast.A_Expr) and condition.lexpr is not None and repr(condition.lexpr) == repr(condition.rexpr):
        return False
    return any(isinstance(part, ast.ColumnRef) or isinstance(part, ast.RangeVar) for part in parts(condition))


def is_plainly_false(node):
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Boolean) and not node.val.boolval


def part_class(node):
    kind = type(node).__name__
    if kind in ('SelectStmt', 'VariableShowStmt', 'ExplainStmt', 'FetchStmt', 'DeclareCursorStmt', 'PrepareStmt'):
        return 'create' if kind == 'SelectStmt' and node.intoClause else 'read'
    if kind == 'ClosePortalStmt':
        return 'read' if node.portalname else 'session'
    if kind == 'CopyStmt':
        if node.is_program or node.filename:
            return 'server'
        return 'write' if node.is_from else 'read'
    if kind in ('UpdateStmt', 'DeleteStmt'):
        return 'write' if chooses(node.whereClause) else 'destructive'
    if kind == 'MergeWhenClause':
        deletes = node.commandType.name == 'CMD_DELETE'
        return 'destructive' if deletes and not chooses(node.condition) else 'write'
    if kind in ('InsertStmt', 'MergeStmt', 'LockingClause', 'LockStmt', 'NotifyStmt', 'RefreshMatViewStmt', 'VacuumStmt',
                'ReindexStmt', 'ClusterStmt'):
        return 'write'
    if kind in ('VariableSetStmt', 'ConstraintsSetStmt', 'DiscardStmt', 'ListenStmt', 'UnlistenStmt', 'DeallocateStmt'):
        return 'session'
    if kind == 'TransactionStmt':
        return 'transaction'
    if kind in ('AlterSystemStmt', 'CheckPointStmt', 'LoadStmt', 'ImportForeignSchemaStmt', 'CreatedbStmt', 'CreateTableSpaceStmt',
                'CreateForeignServerStmt', 'CreateUserMappingStmt', 'CreateSubscriptionStmt', 'CreatePublicationStmt'):
        return 'server'
    if kind in ('DoStmt', 'CallStmt', 'ExecuteStmt', 'CreateFunctionStmt', 'CreateTrigStmt', 'CreateEventTrigStmt', 'RuleStmt',
                'CreateCastStmt', 'CreatePLangStmt', 'CreateExtensionStmt'):
        return 'opaque'
    if kind == 'DefineStmt':
        return 'opaque' if thing(node.kind) in ('AGGREGATE', 'OPERATOR') else 'create'
    if kind in ('GrantStmt', 'GrantRoleStmt', 'AlterOwnerStmt', 'SecLabelStmt', 'CreatePolicyStmt', 'AlterPolicyStmt',
                'AlterDefaultPrivilegesStmt', 'CreateRoleStmt', 'AlterRoleStmt', 'AlterRoleSetStmt', 'DropRoleStmt', 'DropOwnedStmt',
                'ReassignOwnedStmt', 'AlterDatabaseSetStmt'):
        return 'privilege'
    if kind == 'RenameStmt':
        return 'privilege' if thing(node.renameType) in ('ROLE', 'POLICY') else 'alter'
    if kind == 'AlterTableCmd':
        action = name(node.subtype)
        if action in ('DropColumn', 'DropConstraint'):
            return 'destructive'
        return 'privilege' if action in ('ChangeOwner', 'DisableRowSecurity', 'NoForceRowSecurity') else 'alter'
    if kind == 'AlterDomainStmt':
        subtype = node.subtype.name if hasattr(node.subtype, 'name') else str(node.subtype)
        return 'destructive' if subtype in ('X', 'AD_DropConstraint') else 'alter'
    if kind == 'TruncateStmt' or (kind.startswith('Drop') and kind.endswith('Stmt')) or kind == 'DropdbStmt':
        return 'destructive'
    if kind == 'CommentStmt' or (kind.startswith('Alter') and kind.endswith('Stmt')):
        return 'alter'
    if kind in ('IndexStmt', 'ViewStmt', 'CompositeTypeStmt') or (kind.startswith('Create') and kind.endswith('Stmt')):
        return 'create'
    return None


def classed(node):
    if isinstance(node, ast.ExplainStmt) and not runs(node):
        return 'read'
    found = [part_class(part) for part in parts(node)]
    return max((one for one in found if one), key=ORDER.index)


def answer(text):
    try:
        statements = parser.parse_sql(text)
    except parser.ParseError:
        return None
    return [
        {
            'start': raw.stmt_location,
            'end': raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text),
            'kind': tag(raw.stmt),
            'class': classed(raw.stmt),
        }
        for raw in statements
    ]


json.dump([answer(text) for text in json.load(sys.stdin)], sys.stdout)
