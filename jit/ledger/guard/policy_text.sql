BEGIN
    IF NEW.version IS DISTINCT FROM encode(sha256(NEW.files), 'hex') THEN
        RAISE EXCEPTION 'a version of the rules is the SHA-256 of their text' USING ERRCODE = 'JIT04';
    END IF;
    RETURN NEW;
END
