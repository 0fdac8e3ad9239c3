BEGIN
    RAISE EXCEPTION 'what is in % stays as it is: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'JIT04';
END
