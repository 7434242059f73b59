/* The columns of a table that are embedded, and the one that embeddings go
 * to: found by their names, and checked. */
#ifndef ANGLE_COLUMNS_H
#define ANGLE_COLUMNS_H

#include "access/tupdesc.h"
#include "utils/relcache.h"

/* The OID of angle_vector, of the extension that function belongs to: it does
 * not depend on search_path. */
Oid angle_vector_type(Oid function);

/* The column that holds text: its type is, or is a domain over, text, varchar,
 * char(n), or one that is text in all but name. Raises ERRCODE_UNDEFINED_COLUMN
 * and ERRCODE_DATATYPE_MISMATCH. */
Form_pg_attribute angle_text_column(Relation relation, const char *name);

/* The column that takes embeddings of so many dimensions by the model called
 * model; type is that of angle_vector. Its own type is that, a domain over it, or
 * one with the same bytes. Raises as above, and ERRCODE_GENERATED_ALWAYS. */
Form_pg_attribute
angle_embedding_column(Relation relation, const char *name, Oid type);
void angle_embedding_column_fits(Relation relation, Form_pg_attribute column,
								 const char *model, int dimensions);

/* The texts, less those that are NULL, with line feeds between them, as
 * concat_ws(E'\n', …) has it, plain and in one piece; NULL if there are none. */
text *angle_join_texts(const Datum *texts, const bool *nulls, int count);

#endif
