\echo Use "ALTER EXTENSION angle UPDATE TO '0.2'" to load this file. \quit

-- What changes in objects of version 0.1. The pieces of the install script that
-- are new follow.
