SELECT 'a;''b', E'c\';\\', U&'d\0061;', $$;'$$, $x$ $$; $y$ $x$;
-- one; "two
SELECT 1 AS ";""'" /* ; /* ' */ ; */, e'a'
'b\';' , N'n;', B'01', X'1F' -- ;
; ;;
SELECT 5 AS a$b, 2 - -1, 3 /*+ */ - 4, 'x' || 'y';SELECT U&"\0061;" FROM (SELECT 1 AS a) t
;SELECT 'é', "ü" FROM (SELECT 1 AS "ü") ä;
