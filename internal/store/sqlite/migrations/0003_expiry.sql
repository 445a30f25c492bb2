ALTER TABLE job ADD COLUMN expires INTEGER; -- NULL: kept as long as the configuration says
CREATE INDEX job_expires ON job (expires) WHERE expires IS NOT NULL;
