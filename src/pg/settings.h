/* The settings angle.*. */
#ifndef ANGLE_SETTINGS_H
#define ANGLE_SETTINGS_H

extern char *angle_model;			/* name of the model when none is named */
extern int angle_threads;			/* workers that share a call's texts */
extern char *angle_model_directory; /* where NAME.angle files are */
extern double angle_recall_target;	/* of index scans, 0 … 1 */
extern int angle_probes; /* lists an index scan starts with; 0: by target */
extern int angle_directory_memory; /* of a backend's directories, kB */

/* Bytes that the server lets VACUUM and builds take in this process. */
Size angle_maintenance_memory(void);

/* Makes the settings known to the server; once, when the module is loaded. */
void angle_define_settings(void);

#endif
