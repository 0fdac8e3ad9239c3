BEGIN
    -- With the highest number there is, from whoever may write here, no signer could add another.
    IF NEW.number NOT BETWEEN 1 AND coalesce((SELECT max(c.number) FROM {schema}.checkpoints AS c), 0) + 1000000000 THEN
        RAISE EXCEPTION 'checkpoint % is none of the next', NEW.number USING ERRCODE = 'JIT04';
    END IF;
    RETURN NEW;
END
