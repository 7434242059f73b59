/* Who may use a model of the database, and who may drop it or share it. */
#ifndef ANGLE_PRIVILEGE_H
#define ANGLE_PRIVILEGE_H

#include "pg/model/catalog.h"

#define ANGLE_EVERYONE "public"

/* Whether the current user may embed with the model: one of its users, by name
 * or by membership, its owner or a superuser. A name that no role has matches
 * nobody. */
bool angle_privilege_may_use(const AngleModelRow *row);

/* Raises ERRCODE_INSUFFICIENT_PRIVILEGE unless the current user is the owner of
 * the model, by membership or name, or a superuser. */
void angle_privilege_check_owner(const AngleModelRow *row);

/* Finds the model that a function of its owner is called for, and checks both
 * its existence in the database and the owner; the name is locked. */
void angle_privilege_find_owned(const char *name, AngleModelRow *row);

#endif
